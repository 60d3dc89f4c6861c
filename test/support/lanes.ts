// The three lanes of the tests. Every test file is in one of them, by its folder and its name.

/** Campaigns of crashes and outages, large mails, packages and the container: minutes. */
export const systemFiles = ['test/**/*.system.test.ts'];

/** `live` in a file's name: pure code together with what it needs when it runs. */
const PURE = '!(*live|*.system).test.ts';

/** Pure code: no socket, no AWS, no program. */
export const unitFiles = [
  'test/{architecture,lanes}.test.ts',
  `test/{config,counters,fuzz,message,net,policy,smtp}/**/${PURE}`,
  `test/bridge/{contract,intake,notify}/**/${PURE}`,
  `test/verify/sender/**/${PURE}`,
];

/** All others: servers, the embedded AWS, programs. */
export const serviceFiles = {
  include: ['test/**/*.test.ts'],
  exclude: [...unitFiles, ...systemFiles],
};
