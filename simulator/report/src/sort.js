document.addEventListener("click", ({ target }) => {
  const button = target.closest("th button");
  if (!button) return;
  const th = button.parentNode, body = th.closest("table").tBodies[0], column = th.cellIndex;
  const value = (row) => row.cells[column].dataset.v ?? row.cells[column].textContent;
  const down = th.getAttribute("aria-sort") === "ascending";
  for (const other of th.parentNode.cells) other.removeAttribute("aria-sort");
  th.setAttribute("aria-sort", down ? "descending" : "ascending");
  const rows = [...body.rows].sort((a, b) => value(a).localeCompare(value(b), "en", { numeric: true }));
  body.append(...(down ? rows.reverse() : rows));
});
