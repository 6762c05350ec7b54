"""What `make bench` makes of the lines that its rows print."""
