// From a form's refusal back to the form: [data-back] goes back in the browser's history, which keeps what was filled in, where the page before is its own.
"use strict";

(() => {
  const link = document.querySelector("a[data-back]");
  if (!link || link.href !== document.referrer) return;
  link.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || history.length < 2) return;
    event.preventDefault();
    history.back();
  });
})();
