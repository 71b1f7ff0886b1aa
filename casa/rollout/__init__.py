"""A model's way onto Kubernetes and back. Only for those who deploy: nothing here is on the serving path."""
