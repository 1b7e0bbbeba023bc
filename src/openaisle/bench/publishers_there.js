// What the publisher of MoveNet's and NanoDet's package, the library Human, finds in pictures: its own decoding.
//
// node publishers_there.js MODULES MODELS PICTURES OUT MODEL: a folder with node_modules, one with the models, a file of
// pictures (int32 width and height, then RGB), a file for [[[x1, y1, x2, y2, score], ...], ...] in px.
const fs = require('fs');
const http = require('http');
const path = require('path');

const [modules, models, pictures, out, model] = process.argv.slice(2);
const load = (name) => require(path.join(path.resolve(modules), 'node_modules', name));

async function main() {
  const served = http.createServer((request, answer) => {
    answer.end(fs.readFileSync(path.join(models, path.basename(request.url))));
  });
  await new Promise((ready) => served.listen(0, '127.0.0.1', ready));
  const tf = load('@tensorflow/tfjs-core');
  const { Human } = load('@vladmandic/human/dist/human.node-wasm.js');
  const isBodies = model.startsWith('movenet');
  const human = new Human({
    backend: 'wasm',
    wasmPath: path.join(path.resolve(modules), 'node_modules/@tensorflow/tfjs-backend-wasm/dist/'),
    modelBasePath: `http://127.0.0.1:${served.address().port}/`,
    filter: { enabled: false },
    face: { enabled: false },
    hand: { enabled: false },
    gesture: { enabled: false },
    body: { enabled: isBodies, modelPath: `${model}.json`, maxDetected: 6, minConfidence: 0.02, skipFrames: 0, skipTime: 0 },
    object: {
      enabled: !isBodies, modelPath: `${model}.json`, maxDetected: 100, minConfidence: 0.02, skipFrames: 0, skipTime: 0,
    },
    cacheSensitivity: 0,
  });
  await human.load();
  await tf.ready();
  const data = fs.readFileSync(pictures);
  const found = [];
  for (let at = 0; at < data.length;) {
    const width = data.readInt32LE(at);
    const height = data.readInt32LE(at + 4);
    const bytes = data.subarray(at + 8, at + 8 + 3 * width * height);
    at += 8 + bytes.length;
    const picture = tf.tensor(new Uint8Array(bytes), [1, height, width, 3], 'int32');
    const result = await human.detect(picture);
    tf.dispose(picture);
    const people = isBodies ? result.body : result.object.filter((each) => each.label === 'person');
    found.push(people.map((each) => [
      each.box[0], each.box[1], each.box[0] + each.box[2], each.box[1] + each.box[3], each.score,
    ]));
  }
  fs.writeFileSync(out, JSON.stringify(found));
  served.close();
}

main().then(() => process.exit(0), (error) => { console.error(String(error)); process.exit(1); });
