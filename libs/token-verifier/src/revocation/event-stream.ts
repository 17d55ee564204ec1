/** One dispatched message of a server-sent event stream (WHATWG HTML §9.2). */
export interface StreamMessage {
  readonly event: string;
  readonly data: string;
}

/**
 * Reads `text/event-stream` messages from chunks of bytes. Comments and fields other than `event` and `data` are skipped.
 *
 * @throws {RangeError} when a message is longer than `maxLength` characters
 */
export async function* readEventStream(
  chunks: AsyncIterable<Uint8Array>,
  maxLength = 64 * 1024,
): AsyncGenerator<StreamMessage> {
  let event = 'message';
  let data: string[] = [];
  let length = 0;
  for await (const line of readLines(chunks, maxLength)) {
    if (line === '') {
      if (data.length > 0) yield { event, data: data.join('\n') };
      event = 'message';
      data = [];
      length = 0;
      continue;
    }
    const [field, value] = splitField(line);
    if (field === 'event') event = value;
    else if (field === 'data') data.push(value);
    length += line.length;
    if (length > maxLength) throw new RangeError('a message of the stream is too long');
  }
}

/**
 * Splits chunks of UTF-8 into lines without their ends. A last line without an end is not given: it may be cut.
 *
 * @throws {RangeError} when a line that has not ended is longer than `maxLength` characters
 */
export async function* readLines(
  chunks: AsyncIterable<Uint8Array>,
  maxLength: number,
): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let rest = '';
  for await (const chunk of chunks) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > maxLength) throw new RangeError('a line of the stream is too long');
    for (const line of lines) yield line.endsWith('\r') ? line.slice(0, -1) : line;
  }
}

function splitField(line: string): readonly [field: string, value: string] {
  const colon = line.indexOf(':');
  if (colon < 0) return [line, ''];
  const value = line.slice(colon + 1);
  return [line.slice(0, colon), value.startsWith(' ') ? value.slice(1) : value];
}
