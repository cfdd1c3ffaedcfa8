"""Where the photos and regions of a batch come from."""
