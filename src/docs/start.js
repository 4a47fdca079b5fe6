import { tokenDialog } from "./token-dialog.js";

const dark = matchMedia("(prefers-color-scheme: dark)");
const followSystem = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", followSystem);
followSystem();

const isWrite = (operation) => operation.get("method") !== "get";

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
  plugins: [tokenDialog],
  deepLinking: true,
  displayRequestDuration: true,
  tryItOutEnabled: true,
  // The sort is stable: otherwise, the order is that of the document.
  operationsSorter: (one, other) => isWrite(one) - isWrite(other),
});
