"use strict";
// The page for callers: it starts the viewer, shows how a value is read, and offers to copy what is shown.

const read = (id) => JSON.parse(document.getElementById(id).textContent);
const playground = read("playground");

// With this class the viewer's style sheet shows its dark form.
const scheme = matchMedia("(prefers-color-scheme: dark)");
const paint = () => document.documentElement.classList.toggle("dark-mode", scheme.matches);
scheme.addEventListener("change", paint);
paint();

// There is one operation: it needs no list, no heading to open it, and no information above it.
const oneOperation = ({ React }) => {
  const h = React.createElement;
  return {
    components: {
      OnePageLayout: ({ getComponent }) => h("div", { className: "swagger-ui" }, h(getComponent("operations", true))),
      OperationTag: ({ children }) => h("div", null, children),
      OperationSummary: ({ operationProps }) =>
        h("h3", { className: "operation" }, h("span", null, operationProps.get("method").toUpperCase()), " ",
          h("code", null, operationProps.get("path"))),
    },
    // The guide has a real response for each status: what the document says of them is shown on request.
    wrapComponents: {
      responses: (Responses) => (properties) => {
        const [isOpen, setOpen] = React.useState(false);
        const label = isOpen ? "Hide the documented responses" : "Show the documented responses";
        return h("div", { className: isOpen ? "" : "brief" }, h(Responses, properties),
          h("button", { type: "button", className: "btn more", "aria-expanded": isOpen, onClick: () => setOpen(!isOpen) }, label));
      },
    },
  };
};

// What the viewer leaves without a name gets one, and what scrolls can be reached with Tab.
const names = [
  [".body-param__text", "Request body"],
  [".opblock-section-request-body .examples-select-element", "Example request"],
  [".responses-wrapper .examples-select-element", "Example response"],
  [".body-param-content-type select", "Content type of the request"],
  [".response-control-media-type select", "Content type of the response"],
  [".json-schema-2020-12-accordion", (each) => each.textContent.trim() || "Schema"],
  [".parameters input[type=text]", (each) => each.closest("tr").dataset.paramName],
];
const complete = (viewer) => {
  for (const [selector, name] of names) {
    for (const each of viewer.querySelectorAll(`${selector}:not([aria-label])`)) {
      each.setAttribute("aria-label", typeof name === "string" ? name : name(each));
    }
  }
  for (const each of viewer.querySelectorAll("pre:not([tabindex])")) each.tabIndex = 0;
};

const viewer = document.getElementById("viewer");
new MutationObserver(() => complete(viewer)).observe(viewer, { childList: true, subtree: true });

// Each example has a uuid of its own, new with each load of the page.
const description = read("document");
// As text: a number of JavaScript has too few digits for the largest integer.
const file = new Blob([document.getElementById("document").textContent], { type: "application/json" });
document.getElementById("openapi").href = URL.createObjectURL(file);
if (playground) {
  const [path] = Object.values(description.paths);
  const content = path.post.requestBody.content["application/json"];
  content.examples = Object.fromEntries(
    playground.examples.map(({ name, value }) => [name, { summary: name, value: { ...value, uuid: crypto.randomUUID() } }]),
  );
}
SwaggerUIBundle({
  spec: description,
  domNode: viewer,
  layout: "OnePageLayout",
  plugins: [oneOperation],
  docExpansion: "full",
  supportedSubmitMethods: playground ? ["post"] : [],
  tryItOutEnabled: Boolean(playground),
  syntaxHighlight: { activated: false },
  validatorUrl: null,
});

const reader = document.getElementById("reader");
if (reader) {
  const output = reader.querySelector("output");
  let latest = 0;
  const show = async () => {
    const { type, value, form, month_first } = reader.elements;
    const sent = form.value === "text" ? JSON.stringify(value.value) : value.value;
    const query = new URLSearchParams({ type: type.value, json: sent });
    if (month_first.checked) query.set("month_first", "1");
    const number = ++latest;
    const { stored, error, warning } = await (await fetch(`read?${query}`)).json();
    if (number !== latest) return;
    output.className = error ? "bad" : "good";
    const reading = stored === null ? "Not passed." : `Stored: ${JSON.stringify(stored)}`;
    output.textContent = error ? `Refused: ${error}` : warning ? `${reading} Warning: ${warning}` : reading;
  };
  reader.addEventListener("input", show);
  reader.addEventListener("submit", (event) => event.preventDefault());
  show();
}

for (const code of document.querySelectorAll("main > section pre > code")) {
  if (code.closest("#viewer, .status")) continue;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "copy";
  button.textContent = "Copy";
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(code.textContent);
    button.textContent = "Copied";
  });
  code.parentElement.before(button);
}
