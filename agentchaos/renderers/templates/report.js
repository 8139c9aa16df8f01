// niceties only: the report says everything without them
(() => {
  for (const button of document.querySelectorAll(".copy")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      const code = button.parentElement.querySelector("code");
      try {
        await navigator.clipboard.writeText(code.textContent);
      } catch {
        getSelection().selectAllChildren(code);
        document.execCommand("copy");
      }
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    });
  }

  const number = (cell) => {
    const text = cell.textContent.replace(/,/g, "").trim();
    if (text === "never") return Infinity;
    const parts = [...text.matchAll(/(-?[\d.]+(?:e[-+]?\d+)?)\s*(ns|ms|s|min|h|d)?(?![a-z])/g)];
    if (!parts.length) return NaN;
    const seconds = { ns: 1e-9, ms: 1e-3, s: 1, min: 60, h: 3600, d: 86400 };
    return parts.reduce((sum, [, value, unit]) => sum + Number(value) * (seconds[unit] ?? 1), 0);
  };

  for (const fold of document.querySelectorAll(".fold")) {
    const rows = [...fold.querySelectorAll("tbody tr:not(.head)")];
    const filter = fold.querySelector(".filter");
    const found = fold.querySelector(".found");
    filter.hidden = false;
    filter.querySelector("input").addEventListener("input", (event) => {
      const words = event.target.value.toLowerCase().split(/[\s,]+/).filter(Boolean);
      let shown = 0;
      for (const row of rows) {
        const name = row.cells[0].textContent.toLowerCase();
        row.hidden = words.length > 0 && !words.some((word) => name.includes(word));
        shown += !row.hidden;
      }
      for (const body of fold.querySelectorAll("tbody")) {
        body.hidden = ![...body.rows].some((row) => !row.hidden && !row.classList.contains("head"));
      }
      found.textContent = words.length ? `${shown} of ${rows.length}` : "";
    });
    // a column is sorted within each group: names in the first, numbers in the others
    for (const head of fold.querySelectorAll("thead th")) {
      const column = head.cellIndex;
      if (column === 2 || column === 3) continue;
      head.dataset.sort = "";
      head.tabIndex = 0;
      const sort = () => {
        const down = head.getAttribute("aria-sort") === "ascending";
        for (const other of head.parentElement.cells) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        const key = (row) => {
          const cell = row.cells[column];
          if (column === 0) return row.cells[0].textContent;
          return cell && row.cells.length > 2 ? number(cell) : NaN;
        };
        for (const body of fold.querySelectorAll("tbody")) {
          const own = [...body.rows].filter((row) => !row.classList.contains("head"));
          own.sort((one, other) => {
            const [a, b] = [key(one), key(other)];
            if (column === 0) return (down ? -1 : 1) * a.localeCompare(b);
            if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) - Number.isNaN(b);
            return (down ? -1 : 1) * (a < b ? -1 : a > b ? 1 : 0);
          });
          body.append(...own);
        }
      };
      head.addEventListener("click", sort);
      head.addEventListener("keydown", (event) => {
        if (event.key === "Enter" || event.key === " ") { event.preventDefault(); sort(); }
      });
    }
  }

  // the value of each line of a signal where the pointer is
  const told = (value, unit) => `${Number(value.toPrecision(3))}${unit === "s" ? " s" : ""}`;
  const clock = (seconds) => {
    const s = Math.round(seconds);
    const parts = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
    let rest = s;
    const words = parts.flatMap(([size, word]) => {
      const many = Math.floor(rest / size);
      rest -= many * size;
      return many ? [`${many} ${word}`] : [];
    });
    return words.slice(0, 2).join(" ") || "0";
  };
  for (const figure of document.querySelectorAll(".multiple")) {
    const { low, high, end, unit } = figure.dataset;
    const pane = figure.querySelector(".pane");
    const lines = [["c-chaos", "with faults"], ["c-control", "without"], ["c-one", "alone"]].flatMap(([name, word]) => {
      const path = pane.querySelector(`.${name}`);
      if (!path) return [];
      const points = [...path.getAttribute("d").matchAll(/[ML](\d+) (\d+)/g)].map(([, x, y]) => [+x, +y]);
      return points.length ? [[word, points]] : [];
    });
    const cursor = document.createElement("div");
    const tip = document.createElement("div");
    cursor.className = "cursor";
    tip.className = "tip";
    pane.addEventListener("pointermove", (event) => {
      const box = pane.getBoundingClientRect();
      const x = (1000 * (event.clientX - box.left)) / box.width;
      const texts = lines.map(([word, points]) => {
        const near = points.reduce((a, b) => (Math.abs(b[0] - x) < Math.abs(a[0] - x) ? b : a));
        if (Math.abs(near[0] - x) > 12) return `- ${word}`;
        return `${told(+low + ((1000 - near[1]) / 1000) * (high - low), unit)} ${word}`;
      });
      tip.textContent = [`at ${clock((x * end) / 1000)}`, ...texts].join("\n");
      cursor.style.left = `${event.clientX - box.left}px`;
      tip.style.left = x < 500 ? `${event.clientX - box.left + 6}px` : "";
      tip.style.right = x < 500 ? "" : `${box.right - event.clientX + 6}px`;
      pane.append(cursor, tip);
    });
    pane.addEventListener("pointerleave", () => {
      cursor.remove();
      tip.remove();
    });
  }

  // paper has no folds
  addEventListener("beforeprint", () => {
    for (const fold of document.querySelectorAll("details.fold")) fold.open = true;
  });
})();
