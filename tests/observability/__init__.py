"""What is watched exists: metrics, labels, alerts and verbs."""
