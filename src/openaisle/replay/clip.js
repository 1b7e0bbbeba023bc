// Skeletons about one weight step, from above and from the side of the shelf. `showReplays(root)` once they are there.
"use strict";

const REPLAY_COLOURS = ["#0d5c4a", "#c2571a", "#3a5fb0", "#8a3f8f", "#7a6a00"];
const REPLAY_PX_PER_M = 120;
const REPLAY_MS = 100;

function showReplays(root) {
  for (const box of root.querySelectorAll(".replay")) showReplay(box, JSON.parse(box.querySelector("script").textContent));
}

function showReplay(box, data) {
  const [above, side] = box.querySelectorAll("canvas");
  const [slider, button, said] = ["input", "button", "output"].map((tag) => box.querySelector(tag));
  const views = [
    [above, (p) => [175 + (p[0] - data.place[0]) * REPLAY_PX_PER_M, 90 - p[1] * REPLAY_PX_PER_M]],
    [side, (p) => [110 - p[1] * REPLAY_PX_PER_M, 285 - p[2] * REPLAY_PX_PER_M * 1.15]],
  ];
  slider.max = data.frames.length - 1;
  slider.value = data.frames.reduce((best, frame, index) => (Math.abs(frame.t) < Math.abs(data.frames[best].t) ? index : best), 0);

  function draw() {
    const frame = data.frames[slider.value];
    said.textContent = `${frame.t >= 0 ? "+" : ""}${frame.t.toFixed(2)} s`;
    for (const [canvas, at] of views) {
      const c = canvas.getContext("2d");
      c.clearRect(0, 0, canvas.width, canvas.height);
      c.fillStyle = "#dfe7e3";
      if (canvas === above) {
        const [x0, y0] = at([0, data.depth, 0]);
        const [x1, y1] = at([data.width, 0, 0]);
        c.fillRect(x0, y0, x1 - x0, y1 - y0);
      } else {
        for (const [z, front, depth] of data.shelves) {
          const [x0, y] = at([0, front + depth, z]);
          const [x1] = at([0, front, z]);
          c.fillRect(x0, y, x1 - x0, 4);
        }
      }
      c.fillStyle = "#c2571a";
      drawDisc(c, at(data.place), 5);
      for (const person of frame.people) drawPerson(c, at, person, data);
    }
  }

  slider.addEventListener("input", draw);
  let timer = null;
  button.addEventListener("click", () => {
    clearInterval(timer);
    button.textContent = timer ? data.play : data.stop;
    timer = timer ? null : setInterval(() => {
      slider.value = (Number(slider.value) + 1) % data.frames.length;
      if (box.isConnected) draw();
      else clearInterval(timer);
    }, REPLAY_MS);
  });
  draw();
}

function drawPerson(c, at, person, data) {
  const rank = data.names.indexOf(person.who);
  c.strokeStyle = c.fillStyle = rank < 0 ? "#777" : REPLAY_COLOURS[rank % REPLAY_COLOURS.length];
  c.lineWidth = 3;
  for (const [a, b] of data.bones) {
    const [p, q] = [person.joints[a], person.joints[b]];
    if (p.includes(null) || q.includes(null)) continue;
    c.beginPath();
    c.moveTo(...at(p));
    c.lineTo(...at(q));
    c.stroke();
  }
  const head = person.joints[0];
  if (head.includes(null)) return;
  const [x, y] = at(head);
  drawDisc(c, [x, y], 8);
  c.font = "12px sans-serif";
  c.fillText(person.who, x + 11, y + 4);
}

function drawDisc(c, [x, y], radius) {
  c.beginPath();
  c.arc(x, y, radius, 0, 7);
  c.fill();
}
