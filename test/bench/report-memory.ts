// Loaded by --import into a process under measurement: tells its peak memory when it ends.
process.once('exit', () => {
  const { maxRSS } = process.resourceUsage();
  process.stderr.write(`\npeak-rss-kib ${maxRSS}\n`);
});
