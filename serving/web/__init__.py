"""The review pages of the service: sign-in, review of a lab, statistics. Rendered on the server.

Mounted into the API's application by `app.mount_pages`; `serving.api` does not import them. A page is a router in
`routes` with `PageRoute` as route class, a dependency of `visitors` that gives the same `Caller` as an API key, and a
template that extends `page.html`. A form posts to such a route with `{{ csrf_field }}` in it.
"""
