import { createHash } from 'node:crypto';
import type { Answer, OpenApiDocument, Operation, Parameter } from './openapi-document.js';

const STYLE = `
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b1f24;background:#fff}
h2{margin-top:2.5rem;border-bottom:1px solid #d0d7de}
details{border:1px solid #d0d7de;border-radius:6px;margin:.5rem 0;padding:.5rem .75rem}
summary{cursor:pointer}
code,pre{font:14px/1.45 ui-monospace,monospace}
pre{background:#f6f8fa;padding:.75rem;overflow:auto;max-height:24rem}
table{border-collapse:collapse;width:100%}
td,th{text-align:left;vertical-align:top;border-top:1px solid #d0d7de;padding:.25rem .75rem .25rem 0}
.method{display:inline-block;min-width:4.5rem;font-weight:600}
.role{float:right;color:#57606a}
`;

/** The page has no script and loads nothing: it works offline, and markup in it could do nothing. */
export const PAGE_POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** A page that shows the document to people. Pure. */
export function openApiPage({ info, paths }: OpenApiDocument): string {
  const groups = new Map<string, string[]>();
  for (const [path, operations] of Object.entries(paths)) {
    for (const [method, operation] of Object.entries(operations)) {
      const group = operation.tags[0] ?? '';
      groups.set(group, [...(groups.get(group) ?? []), operationHtml(method, path, operation)]);
    }
  }
  const sections = [...groups].map(
    ([group, operations]) =>
      `<h2 id="${escape(group)}">${escape(group)}</h2>${operations.join('')}`,
  );
  return `<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<title>${escape(info.title)}</title><style>${STYLE}</style>
<h1>${escape(info.title)}</h1><p>${prose(info.description)}</p>
<p><a href="openapi.json">openapi.json</a></p>${sections.join('\n')}</html>`;
}

function operationHtml(method: string, path: string, operation: Operation): string {
  const { operationId, summary, description, parameters = [], requestBody, responses } = operation;
  return `<details id="${escape(operationId)}"><summary><span class="role">${accessOf(operation)}</span>
<span class="method">${escape(method.toUpperCase())}</span> <code>${escape(path)}</code><br>${prose(summary)}</summary>
${description === undefined ? '' : `<p>${prose(description)}</p>`}
${parameters.length === 0 ? '' : `<h3>Parameters</h3><table>${parameters.map(parameterHtml).join('')}</table>`}
${requestBody ? `<h3>Body${requestBody.required ? '' : ' (may be left out)'}</h3>${contentHtml(requestBody.content)}` : ''}
<h3>Answers</h3><table>${Object.entries(responses).map(answerHtml).join('')}</table></details>`;
}

function accessOf({ security }: Operation): string {
  const code = (names: readonly string[], between: string) =>
    names.map((name) => `<code>${escape(name)}</code>`).join(between);
  const roles = security.flatMap((scheme) => Object.values(scheme).flat());
  if (roles.length > 0) return `role ${code(roles, ', ')}`;
  return security.length === 0 ? 'open' : code(security.flatMap(Object.keys), ' or ');
}

function parameterHtml({ name, in: where, required, schema }: Parameter): string {
  return `<tr><td><code>${escape(name)}</code></td><td>${where}${required ? ', required' : ''}</td>
<td><code>${escape(JSON.stringify(schema))}</code></td></tr>`;
}

function answerHtml([status, { description, content = {} }]: [string, Answer]): string {
  const isProblem = 'application/problem+json' in content;
  return `<tr><td>${escape(status)}</td><td>${prose(description)}${isProblem ? '' : contentHtml(content)}</td></tr>`;
}

function contentHtml(content: NonNullable<Answer['content']>): string {
  return Object.entries(content)
    .map(
      ([type, { schema }]) =>
        `<p><code>${escape(type)}</code></p><pre>${escape(JSON.stringify(schema, null, 2))}</pre>`,
    )
    .join('');
}

/** Text with \`code\` and paragraphs. */
function prose(text: string): string {
  return escape(text)
    .replace(/`([^`]+)`/g, '<code>$1</code>')
    .replaceAll('\n\n', '<br>');
}

function escape(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
