// A proxy in front of the server may change the host or the scheme. Requests must go to the page's own origin.
function useThisOrigin(response) {
  if (response.ok && response.url.endsWith("/openapi.json")) {
    const api = JSON.parse(response.text);
    response.text = JSON.stringify({ ...api, servers: [{ ...api.servers[0], url: location.origin }] });
  }
  return response;
}

SwaggerUIBundle({
  url: "openapi.json",
  responseInterceptor: useThisOrigin,
  domNode: document.getElementById("reference"),
  deepLinking: true,
  displayRequestDuration: true,
  tryItOutEnabled: true,
});
