/** A browser's memory: it keeps cookies by host, and follows redirects one by one. */
export class CookieJar {
  readonly #cookies = new Map<string, Map<string, string>>();

  /** The cookies that the host of a URL would get. */
  of(url: string): Map<string, string> {
    const { hostname, port } = new URL(url);
    const key = `${hostname}:${port}`;
    const cookies = this.#cookies.get(key) ?? new Map<string, string>();
    this.#cookies.set(key, cookies);
    return cookies;
  }

  /** Sends a request with the cookies, keeps those of the response, and follows no redirect. */
  async fetch(url: string, init: RequestInit = {}): Promise<Response> {
    const cookies = this.of(url);
    const headers = new Headers({ Accept: "text/html", ...init.headers });
    headers.set("Cookie", Array.from(cookies, ([name, value]) => `${name}=${value}`).join("; "));
    const response = await fetch(url, { ...init, headers, redirect: "manual" });
    for (const line of response.headers.getSetCookie()) {
      const [, name = "", value = ""] = line.match(/^([^=]+)=([^;]*)/) ?? [];
      if (value === "" || /max-age=0|expires=Thu, 01 Jan 1970/i.test(line)) cookies.delete(name);
      else cookies.set(name, value);
    }
    return response;
  }

  /** Sends a form. */
  post(url: string, fields: Record<string, string>, headers: Record<string, string> = {}): Promise<Response> {
    return this.fetch(url, { method: "POST", body: new URLSearchParams(fields), headers });
  }
}

/** The value of a hidden field in a page. */
export const hiddenField = (html: string, name: string): string =>
  html.match(new RegExp(`name="${name}" value="([^"]*)"`))?.[1] ?? "";
