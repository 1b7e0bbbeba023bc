// What a screen reader or a weak eye would stumble over on the page as it now is: a list of complaints.
() => {
  const wrong = [];
  const shown = (node) => node.checkVisibility();
  for (const field of document.querySelectorAll("input, select, textarea")) {
    if (shown(field) && !field.labels.length && !field.getAttribute("aria-label")) wrong.push(`no label: ${field.outerHTML}`);
  }
  for (const button of document.querySelectorAll("button, a")) {
    const name = button.textContent.trim() || button.getAttribute("aria-label");
    if (shown(button) && !name) wrong.push(`no name: ${button.outerHTML}`);
  }
  for (const picture of document.querySelectorAll("img")) {
    if (!picture.hasAttribute("alt")) wrong.push(`no alt: ${picture.src}`);
  }
  if (document.querySelectorAll("main").length !== 1) wrong.push("not one main");

  // Relative luminance and contrast as WCAG 2.2 defines them.
  const linear = (share) => (share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4);
  const luminance = (colour) => colour.match(/[\d.]+/g).slice(0, 3)
    .reduce((sum, value, index) => sum + linear(value / 255) * [0.2126, 0.7152, 0.0722][index], 0);
  const ground = (node) => {
    for (; node; node = node.parentElement) {
      const colour = getComputedStyle(node).backgroundColor;
      if (!/, 0\)|transparent/.test(colour)) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode.textContent.trim();
    const node = walker.currentNode.parentElement;
    if (!text || !shown(node) || node.closest("svg, script, button:disabled, .skip")) continue;
    const [light, dark] = [luminance(getComputedStyle(node).color), luminance(ground(node))].sort((a, b) => b - a);
    const contrast = (light + 0.05) / (dark + 0.05);
    if (contrast < 4.5) wrong.push(`contrast ${contrast.toFixed(2)}: ${text.slice(0, 40)}`);
  }
  return wrong;
}
