"use strict";
// Comfort only: everything can be read without it.
(() => {
  const nav = document.querySelector("nav");
  const box = document.createElement("input");
  box.type = "search";
  box.placeholder = "Filter";
  box.setAttribute("aria-label", "Filter the contents");
  nav.insertBefore(box, nav.querySelector("ul"));
  box.addEventListener("input", () => {
    const wanted = box.value.trim().toLowerCase();
    for (const item of nav.querySelectorAll("li")) {
      item.hidden = !item.textContent.toLowerCase().includes(wanted);
    }
  });
  const number = (text) => (/^\d+\+?$/.test(text) ? parseInt(text, 10) : NaN);
  const compare = (a, b) => {
    const [left, right] = [number(a), number(b)];
    if (!isNaN(left) && !isNaN(right)) return left - right;
    return a < b ? -1 : a > b ? 1 : 0;
  };
  for (const table of document.querySelectorAll("main table")) {
    const body = table.tBodies[0];
    if (!body || body.rows.length < 6) continue;
    [...table.tHead.rows[0].cells].forEach((cell, column) => {
      if (!cell.textContent.trim()) return;
      const button = document.createElement("button");
      button.append(...cell.childNodes);
      cell.append(button);
      button.addEventListener("click", () => {
        const down = cell.getAttribute("aria-sort") === "ascending";
        for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
        cell.setAttribute("aria-sort", down ? "descending" : "ascending");
        const text = (row) => (row.cells[column] ? row.cells[column].textContent.trim() : "");
        const rows = [...body.rows].sort((a, b) => compare(text(a), text(b)));
        if (down) rows.reverse();
        body.append(...rows);
      });
    });
  }
})();
