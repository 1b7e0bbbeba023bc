// Goods of shelves that are scanned: by number, or by the phone's camera where its browser reads barcodes.
"use strict";

const Scan = {
  visitId: null,
  stream: null,

  draw(state) {
    Scan.visitId = state.visit_id;
    byId("scan").hidden = state.scanned_shelves.length === 0;
    byId("scan-where").textContent = say("scan_where", { shelves: `\u2068${state.scanned_shelves.join(", ")}\u2069` });
    if (byId("scan").hidden) Scan.stop();
  },

  undo(line) {
    const scan = line.scans[line.scans.length - 1];
    const act = () => ask("DELETE", `/api/v1/visits/${Scan.visitId}/scans/${scan}`).catch((error) => tell(error.message));
    return element("button", { type: "button", className: "quiet", "aria-label": say("scan_undo", { name: line.name }), onclick: act }, "−1");
  },

  async add(code) {
    const added = await ask("POST", `/api/v1/visits/${Scan.visitId}/scans`, { code });
    tell(`1 × \u2068${added.name}\u2069`);
  },

  async look() {
    const detector = new BarcodeDetector({ formats: ["ean_13", "ean_8", "upc_a", "upc_e"] });
    Scan.stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    const picture = byId("scan-picture");
    picture.srcObject = Scan.stream;
    picture.hidden = false;
    await picture.play();
    while (Scan.stream) {
      const [found] = await detector.detect(picture);
      if (found) {
        Scan.stop();
        await Scan.add(found.rawValue);
      }
      await new Promise((resolve) => { setTimeout(resolve, 150); });
    }
  },

  stop() {
    if (Scan.stream) Scan.stream.getTracks().forEach((track) => track.stop());
    Scan.stream = null;
    byId("scan-picture").hidden = true;
  },
};

onSubmit(byId("scan"), async (filled) => {
  await Scan.add(filled.code);
  byId("scan").reset();
  byId("scan").elements.code.focus();
});
if ("BarcodeDetector" in window && navigator.mediaDevices) {
  byId("scan-camera").hidden = false;
  byId("scan-camera").addEventListener("click", () => {
    if (Scan.stream) Scan.stop();
    else Scan.look().catch((error) => { Scan.stop(); tell(error.message); });
  });
}
