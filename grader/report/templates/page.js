function reveal() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target && target.tagName === "DETAILS") {
    target.open = true;
    target.scrollIntoView();
  }
}
function openAll(open) {
  for (const work of document.querySelectorAll("details.work")) work.open = open;
}
addEventListener("hashchange", reveal);
addEventListener("click", (event) => {
  const link = event.target.closest("a[href^='#']");
  if (link && link.hash === location.hash) reveal();
  if (event.target.id === "open-all") openAll(true);
  if (event.target.id === "close-all") openAll(false);
});
reveal();
