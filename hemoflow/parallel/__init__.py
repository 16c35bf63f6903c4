"""One run on several devices: who holds which nodes, and what they tell each other."""
