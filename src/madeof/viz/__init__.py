"""Pictures of regions and answers."""
