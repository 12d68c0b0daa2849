// Says in words whether the page follows what happens; htmx and its extension do everything else.
(() => {
  const state = document.getElementById("link-state");
  if (!state) return;
  const on = (name, act) => document.addEventListener(name, (event) => act(event.detail));
  const failed = (status) => {
    // The session has ended: the page leads to where one signs in again.
    if (status === 401) location.reload();
    else state.textContent = "This page does not follow at the moment. Trying again …";
  };
  on("htmx:sse:after:connection", () => { state.textContent = "Live: what happens appears by itself."; });
  on("htmx:sse:before:connection", (detail) => { if (detail.connection.attempt) failed(0); });
  on("htmx:sse:error", (detail) => failed(detail.status));
  on("htmx:response:error", (detail) => {
    if (detail.ctx.response.status === 401) failed(401);
    else state.textContent = "This page does not follow now. Load it again in a moment.";
  });
})();
