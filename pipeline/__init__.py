"""What happens to a request: plain Python stages and the rooms they live in. Imports neither Flask nor Celery."""
