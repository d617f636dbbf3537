"""An agent that helps the customers of a shop; it runs without a network."""
