// What the pages do in the browser: draw the charts that the server describes, say times in the reader's zone, send forms.
"use strict";
(() => {
  const drawn = new Map(); // element → [chart, option]
  const language = document.documentElement.lang;
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const spelt = (value) => (typeof value === "number" ? value.toLocaleString(language) : value ?? "–");

  // The server says what is drawn; colours, fonts and the spelling of numbers are of this browser.
  function dressed(option, wide) {
    const ink = colour("--ink"), soft = colour("--soft"), line = colour("--line");
    const text = { color: soft, fontFamily: getComputedStyle(document.body).fontFamily };
    const axis = (one) => ({
      ...one, axisLabel: { color: soft, hideOverlap: true, ...(one.type === "value" ? { formatter: short } : {}) },
      axisLine: { lineStyle: { color: line } }, axisTick: { show: false }, splitLine: { lineStyle: { color: line } },
    });
    const made = {
      ...option, textStyle: text, color: [1, 2, 3, 4].map((n) => colour(`--chart-${n}`)),
      tooltip: { ...option.tooltip, valueFormatter: spelt, backgroundColor: colour("--card"), borderColor: line, textStyle: { color: ink } },
    };
    if (option.legend) made.legend = { ...option.legend, textStyle: { color: soft } };
    for (const name of ["xAxis", "yAxis"]) if (option[name]) made[name] = axis(option[name]);
    made.series = option.series.map((one) => one.type === "graph" ? graph(one, ink, wide) : series(one, made.color));
    return made;
  }
  const short = (value) => Intl.NumberFormat(language, { notation: "compact" }).format(value);
  function series(one, colours) {
    if (one.colour === undefined) return one;
    return { ...one, itemStyle: { color: colours[one.colour] }, areaStyle: { ...one.areaStyle, color: colours[one.colour] } };
  }
  function graph(one, ink, wide) {
    const of = { good: colour("--good"), bad: colour("--bad") };
    // What stands 110 apart on a desk is beyond the edge of a phone, where there is much of it.
    const narrow = Math.min(1, wide / 560) ** (one.data.length > 14 ? 1 : 0.3);
    const { repulsion, edgeLength, gravity } = one.force;
    return {
      ...one, force: { ...one.force, repulsion: repulsion * narrow, edgeLength: edgeLength * narrow, gravity: gravity / narrow },
      label: { ...one.label, color: ink },
      links: one.links.map((link) => ({ ...link, lineStyle: { ...link.lineStyle, color: of[link.colour] } })),
    };
  }

  function draw(inside) {
    for (const place of inside.querySelectorAll(".chart[data-option]")) {
      if (drawn.has(place) || !window.echarts) continue;
      const option = JSON.parse(place.dataset.option);
      const chart = echarts.init(place, null, { renderer: "canvas", locale: language.startsWith("zh") ? "ZH" : "EN" });
      chart.setOption(dressed(option, place.clientWidth));
      drawn.set(place, [chart, option]);
      new ResizeObserver(() => chart.resize()).observe(place);
    }
    for (const one of inside.querySelectorAll("time[datetime]")) {
      const at = new Date(one.dateTime.replace(" ", "T"));
      if (!isNaN(at)) { one.title = one.dateTime; one.textContent = at.toLocaleString(language, { dateStyle: "medium", timeStyle: "medium" }); }
    }
  }

  function forms() {
    const ask = document.getElementById("ask"), file = document.getElementById("download");
    if (!ask) return;
    ask.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) ask.requestSubmit();
    });
    for (const button of ask.querySelectorAll("[data-download]")) {
      button.addEventListener("click", () => {
        file.elements.query.value = ask.elements.query.value;
        file.elements.form.value = button.dataset.download;
        file.submit();
      });
    }
  }

  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    for (const [chart, option] of drawn.values()) chart.setOption(dressed(option, chart.getWidth()), true);
  });
  // What somebody is using or reading aloud is not taken from under them.
  document.addEventListener("htmx:beforeRequest", (event) => {
    const place = event.target;
    if (place.id === "flow" && (document.hidden || place.contains(document.activeElement))) event.preventDefault();
  });
  document.addEventListener("htmx:afterSettle", (event) => draw(event.target));
  document.querySelector(".menu [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
  draw(document);
  forms();
})();
