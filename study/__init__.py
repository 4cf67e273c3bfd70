"""Which words, and which heads, drive a prediction: both explanations of one model, side by side."""
