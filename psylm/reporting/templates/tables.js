// Tables sort by a click on a heading, or Enter on it: first rising, then falling. Missing values stay last.
for (const table of document.querySelectorAll("table.sortable")) {
  const headings = [...table.tHead.rows[0].cells];
  headings.forEach((heading, column) => {
    heading.setAttribute("aria-sort", "none");
    heading.querySelector("button").addEventListener("click", () => {
      const falling = heading.getAttribute("aria-sort") === "ascending";
      headings.forEach(one => one.setAttribute("aria-sort", "none"));
      heading.setAttribute("aria-sort", falling ? "descending" : "ascending");
      const numeric = heading.classList.contains("number");
      const key = row => {
        const cell = row.cells[column];
        if (!numeric) return cell.textContent;
        return cell.dataset.key === "" ? NaN : Number(cell.dataset.key);
      };
      const missing = value => (numeric ? Number.isNaN(value) : value === "");
      const compare = (a, b) => (numeric ? a - b : a.localeCompare(b, undefined, { numeric: true }));
      const rows = [...table.tBodies[0].rows].map(row => [key(row), row]);
      rows.sort(([a], [b]) => missing(a) - missing(b) || (missing(a) ? 0 : compare(a, b) * (falling ? -1 : 1)));
      table.tBodies[0].append(...rows.map(([, row]) => row));
    });
  });
}
