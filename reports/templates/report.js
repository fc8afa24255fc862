// A printed page cannot be opened further.
window.addEventListener("beforeprint", function () {
  document.querySelectorAll("details").forEach(function (part) { part.open = true; });
});

// Sorts a table by the column whose heading is pressed; pressed again, the other way round.
document.querySelectorAll("table.sortable").forEach(function (table) {
  var body = table.tBodies[0];
  table.querySelectorAll("thead button").forEach(function (button) {
    button.addEventListener("click", function () {
      var head = button.closest("th");
      var down = head.getAttribute("aria-sort") !== "descending";
      table.querySelectorAll("thead th").forEach(function (other) { other.removeAttribute("aria-sort"); });
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      var value = function (row) { return row.cells[head.cellIndex].dataset.value; };
      Array.from(body.rows).sort(function (a, b) {
        var x = value(a), y = value(b);
        // Rows without a value stay at the end either way.
        if (x === "" || y === "") { return (x === "" ? 1 : 0) - (y === "" ? 1 : 0); }
        var order = head.dataset.kind === "text" ? y.localeCompare(x) : Number(y) - Number(x);
        return down ? order : -order;
      }).forEach(function (row) { body.appendChild(row); });
    });
  });
});
