/**
 * A plugin of Swagger UI: its dialog for tokens says where one comes from. The element `<dialog>` keeps the focus inside, and
 * closes on Escape.
 */
export function tokenDialog({ React: { createElement: element, useEffect, useRef } }) {
  const button = (label, props) =>
    element("button", { key: label, className: "btn", type: "button", ...props }, label);

  /** What the dialog says, and whether it takes a token. */
  function contentOf(mode) {
    switch (mode) {
      case "open":
        return ["This is the development server. It needs no token: everyone on this machine may write."];
      case "closed":
        return [
          "This server has no authentication configured, so it rejects every request that needs a token.",
        ];
      case "hs256":
        return [
          "On the machine of the server, this command prints a token:",
          element("code", { key: "command" }, "npm run -s token -- --role editor"),
          "On other machines, ask whoever runs the server for one.",
        ];
      default:
        return ["Your identity provider issues tokens. Sign in with it, and paste the access token."];
    }
  }

  function TokenDialog({ authActions, authSelectors, specSelectors }) {
    const dialog = useRef(null);
    const { content: mode } = document.querySelector("meta[name=authentication]");
    const [name, schema] = specSelectors.securityDefinitions().entrySeq().first();
    const isSet = authSelectors.authorized().has(name);
    const isAsked = !isSet && mode !== "open" && mode !== "closed";
    const close = () => authActions.showDefinitions(false);
    useEffect(() => {
      const opener = document.activeElement;
      dialog.current.showModal();
      return () => opener?.focus();
    }, []);
    const use = (event) => {
      event.preventDefault();
      const value = tokenIn(new FormData(event.target).get("token"));
      authActions.authorize({ [name]: { name, schema, value } });
      close();
    };
    const field = { name: "token", autoFocus: true, required: true, autoComplete: "off", spellCheck: false };
    return element(
      "dialog",
      { ref: dialog, className: "token-dialog", "aria-labelledby": "token-dialog-title", onClose: close },
      element("h2", { id: "token-dialog-title" }, "Authorization"),
      element(
        "p",
        {},
        isSet ? "Requests are sent with your token until you leave this page." : contentOf(mode),
      ),
      element(
        "form",
        { onSubmit: use },
        isAsked && element("label", {}, "Token", element("input", field)),
        isAsked && button("Use the token", { type: "submit" }),
        isSet && button("Forget the token", { onClick: () => authActions.logout([name]) }),
        button("Close", { onClick: close, autoFocus: !isAsked }),
      ),
    );
  }

  return { components: { authorizationPopup: TokenDialog } };
}

/** The token in a pasted text, which may have quotes, spaces, or `Authorization: Bearer` around it. */
function tokenIn(text) {
  const words = text.replaceAll(/["'`\s]+/g, " ").trim();
  return words.replace(/^(authorization: ?)?(bearer )*/i, "").replaceAll(" ", "");
}
