"""The addresses of the service: each route reads a request, calls one part of the service and answers."""
