"""The routes: each reads a request, calls one part of the service and answers."""
