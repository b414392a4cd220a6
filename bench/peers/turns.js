// Runs networks in Convoy and in ONNX Runtime by turns, and prints both times and their ratio.
//
//     node turns.js CONVOY_TURNS THREADS TURNS FOLDER...
//
// Each FOLDER holds model.onnx and input.npy. CONVOY_TURNS is the program of convoy_turns.c; onnxruntime-node is found
// through NODE_PATH.
'use strict';
const {spawn} = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const readline = require('node:readline');
const ort = require('onnxruntime-node');

const RUNS = 10;    // of one engine in one turn: as many as make the caches those of a program that runs on
const PAUSE_MS = 5; // between turns: the threads of the engine before stop spinning

const median = values => {
  const sorted = [...values].sort((a, b) => a - b), half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
};

// The array of a .npy file of float32 in C order.
function readNpy(file) {
  const bytes = fs.readFileSync(file);
  const start = bytes[6] === 1 ? 10 + bytes.readUInt16LE(8) : 12 + bytes.readUInt32LE(8);
  const header = bytes.toString('latin1', 10, start);
  if (!/'descr': *'<f4'/.test(header) || !/'fortran_order': *False/.test(header))
    throw new Error(`${file}: float32 in C order is expected`);
  const shape = /'shape': *\(([^)]*)\)/.exec(header)[1].split(',').filter(s => s.trim()).map(Number);
  return new ort.Tensor('float32', new Float32Array(bytes.buffer.slice(bytes.byteOffset + start)), shape);
}

async function openRuntime(folder, threads) {
  const session = await ort.InferenceSession.create(path.join(folder, 'model.onnx'), {
    executionProviders: ['cpu'], intraOpNumThreads: threads, interOpNumThreads: 1,
    executionMode: 'sequential', graphOptimizationLevel: 'all',
  });
  const feeds = {[session.inputNames[0]]: readNpy(path.join(folder, 'input.npy'))};
  let last;
  return {
    async run(count) {
      const times = [];
      for (let i = 0; i < count; i++) {
        const cpu = process.cpuUsage(), wall = process.hrtime.bigint();
        last = await session.run(feeds);
        const spent = Number(process.hrtime.bigint() - wall) / 1e6, used = process.cpuUsage(cpu);
        times.push([spent, (used.user + used.system) / 1e3]);
      }
      return times;
    },
    output: async () => Array.from(last[session.outputNames[0]].data),
    close: () => session.release(),
  };
}

async function openConvoy(program, folder, threads) {
  const child = spawn(program, [path.join(folder, 'model.onnx'), path.join(folder, 'input.npy'), String(threads)],
                      {stdio: ['pipe', 'pipe', 'inherit']});
  const lines = readline.createInterface({input: child.stdout})[Symbol.asyncIterator]();
  const ask = async line => {
    child.stdin.write(line + '\n');
    const answer = await lines.next();
    if (answer.done) throw new Error(`${program} ended`);
    return JSON.parse(answer.value);
  };
  return {run: count => ask(String(count)), output: () => ask('output'), close: () => child.stdin.end()};
}

function worstDifference(a, b) {
  let difference = 0, largest = 0;
  for (let i = 0; i < b.length; i++) {
    difference = Math.max(difference, Math.abs(a[i] - b[i]));
    largest = Math.max(largest, Math.abs(b[i]));
  }
  return difference / largest;
}

async function compare(program, folder, threads, turns) {
  const engines = [await openConvoy(program, folder, threads), await openRuntime(folder, threads)];
  const times = [[], []];
  for (const engine of engines) await engine.run(RUNS); // first touch
  const difference = worstDifference(await engines[0].output(), await engines[1].output());
  for (let turn = 0; turn < turns; turn++)
    for (const who of turn % 2 ? [1, 0] : [0, 1]) {
      await new Promise(done => setTimeout(done, PAUSE_MS));
      times[who].push(...await engines[who].run(RUNS));
    }
  for (const engine of engines) await engine.close();
  const of = (who, what) => median(times[who].map(t => t[what]));
  return {network: path.basename(folder), convoy: of(0, 0), runtime: of(1, 0), ratio: of(1, 0) / of(0, 0),
          cpuRatio: of(1, 1) / of(0, 1), difference};
}

async function main() {
  const [program, threads, turns, ...folders] = process.argv.slice(2);
  console.log(`# ${os.cpus()[0].model.trim()}, ${os.cpus().length} processors; onnxruntime-node ` +
              `${require('onnxruntime-node/package.json').version}; ${threads} thread(s); medians of ` +
              `${turns * RUNS} runs each, in turns of ${RUNS}; ratio: ONNX Runtime's time over Convoy's`);
  console.log('network,convoy_ms,onnxruntime_ms,ratio,cpu_ratio,difference');
  const results = [];
  for (const folder of folders) {
    const r = await compare(program, folder, Number(threads), Number(turns));
    results.push(r);
    console.log([r.network, r.convoy.toFixed(3), r.runtime.toFixed(3), r.ratio.toFixed(3), r.cpuRatio.toFixed(3),
                 r.difference.toExponential(1)].join(','));
  }
  const mean = key => Math.exp(results.reduce((sum, r) => sum + Math.log(r[key]), 0) / results.length);
  console.log(`geometric mean,,,${mean('ratio').toFixed(3)},${mean('cpuRatio').toFixed(3)},`);
}

main().catch(error => {
  console.error(`turns.js: ${error.message}`);
  process.exit(1);
});
