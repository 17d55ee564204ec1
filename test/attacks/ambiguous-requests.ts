/** What hides behind a first request, and must never be answered: the address of it is looked for in the logs too. */
export const HIDDEN = 'GET /hidden-behind HTTP/1.1\r\nhost: x\r\n\r\n';
const head = (...lines: string[]) =>
  ['POST /auth/login HTTP/1.1', 'host: x', 'content-type: application/json', ...lines, '', ''].join(
    '\r\n',
  );
const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;

/** Requests that two readers may read differently (RFC 9112 §11.2). A first answer of 400, and then the end. */
export const AMBIGUOUS: Readonly<Record<string, string>> = {
  'Content-Length and Transfer-Encoding': `${head(`content-length: ${String(HIDDEN.length + 5)}`, 'transfer-encoding: chunked')}0\r\n\r\n${HIDDEN}`,
  'Transfer-Encoding and Content-Length': `${head('transfer-encoding: chunked', 'content-length: 4')}${chunk('{}')}0\r\n\r\n${HIDDEN}`,
  'two lengths': `${head('content-length: 2', `content-length: ${String(2 + HIDDEN.length)}`)}{}${HIDDEN}`,
  'the same length twice': `${head('content-length: 2', 'content-length: 2')}{}${HIDDEN}`,
  'a list of lengths': `${head('content-length: 2, 2')}{}${HIDDEN}`,
  'a length with a sign': `${head('content-length: +2')}{}${HIDDEN}`,
  'a negative length': `${head('content-length: -2')}{}${HIDDEN}`,
  'a length in hexadecimal': `${head('content-length: 0x2')}{}${HIDDEN}`,
  'a length beyond numbers': `${head('content-length: 18446744073709551618')}{}${HIDDEN}`,
  'an empty length': `${head('content-length:')}${HIDDEN}`,
  'a space before the colon': `${head('transfer-encoding : chunked')}0\r\n\r\n${HIDDEN}`,
  'a space before the name': `${head(' transfer-encoding: chunked')}0\r\n\r\n${HIDDEN}`,
  'a folded header': `${head('transfer-encoding:', ' chunked')}0\r\n\r\n${HIDDEN}`,
  'a vertical tab in a value': `${head('transfer-encoding: \x0bchunked')}0\r\n\r\n${HIDDEN}`,
  'NUL in a value': head('x: a\0b'),
  'NUL in a name': head('x\0y: a'),
  'a carriage return alone': head('x: a\rtransfer-encoding: chunked'),
  'a line feed alone': head('x: a\ntransfer-encoding: chunked'),
  'lines that end in line feeds': `POST /auth/login HTTP/1.1\nhost: x\ncontent-length: 0\n\n${HIDDEN}`,
  'an encoding that nobody knows': `${head('transfer-encoding: xchunked')}0\r\n\r\n${HIDDEN}`,
  'chunked and then identity': `${head('transfer-encoding: chunked, identity')}0\r\n\r\n${HIDDEN}`,
  'identity alone': `${head('transfer-encoding: identity')}0\r\n\r\n${HIDDEN}`,
  'chunked twice': `${head('transfer-encoding: chunked, chunked')}0\r\n\r\n${HIDDEN}`,
  'chunked in quotes': `${head('transfer-encoding: "chunked"')}0\r\n\r\n${HIDDEN}`,
  'two Transfer-Encoding, the second unknown': `${head('transfer-encoding: chunked', 'transfer-encoding: cow')}0\r\n\r\n${HIDDEN}`,
  'a chunk size with a sign': `${head('transfer-encoding: chunked')}+2\r\n{}\r\n0\r\n\r\n${HIDDEN}`,
  'a chunk size with 0x': `${head('transfer-encoding: chunked')}0x2\r\n{}\r\n0\r\n\r\n${HIDDEN}`,
  'a chunk size beyond numbers': `${head('transfer-encoding: chunked')}10000000000000002\r\n{}\r\n0\r\n\r\n${HIDDEN}`,
  'a chunk size with a space': `${head('transfer-encoding: chunked')}2 0\r\n{}\r\n0\r\n\r\n${HIDDEN}`,
  'a chunk that ends in a line feed': `${head('transfer-encoding: chunked')}2\n{}\n0\n\n${HIDDEN}`,
  'a chunk that is longer than it says': `${head('transfer-encoding: chunked')}2\r\n{}xx\r\n0\r\n\r\n${HIDDEN}`,
  'a line feed in a chunk extension': `${head('transfer-encoding: chunked')}2;\n{}\r\n0\r\n\r\n${HIDDEN}`,
  'two hosts': 'GET / HTTP/1.1\r\nhost: x\r\nhost: y\r\n\r\n',
  'a version that is none': 'GET / HTTP/1.9x\r\nhost: x\r\n\r\n',
  'no version': 'GET /\r\n\r\n',
  'a method that is none': 'G ET / HTTP/1.1\r\nhost: x\r\n\r\n',
  'the preface of HTTP/2': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  'a start of TLS': '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
  garbage: 'NOT HTTP AT ALL\r\n\r\n',
};
