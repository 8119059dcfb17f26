"""How a crop becomes a pose, and how that network is trained and fine-tuned."""
