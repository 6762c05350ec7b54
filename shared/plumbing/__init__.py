"""Glue that every service needs and that has no word of the business."""
