"""How other libraries hold masks, one file for each way; none of them is imported."""
