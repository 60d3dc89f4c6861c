// The container's own health check: `node health-check.mjs PORT` exits 0 when the process answers /live.
// The image has no shell tools that could ask.
const port = Number(process.argv[2] ?? 8080);
try {
  const response = await fetch(`http://127.0.0.1:${port}/live`, {
    signal: AbortSignal.timeout(4000),
  });
  process.exitCode = response.ok ? 0 : 1;
} catch {
  process.exitCode = 1;
}
