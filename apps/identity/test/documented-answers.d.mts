import type { OpenApiDocument } from '../src/openapi/openapi-document.js';

/** Holds every answer of a listener against its OpenAPI document. */
export declare class DocumentedAnswers {
  /** `GET /path/{id} 200` of each answer that was sent. */
  readonly seen: ReadonlySet<string>;
  /** What the document does not say, each once. */
  readonly faults: ReadonlySet<string>;
  /** @param tell hears of each fault once */
  constructor(document: OpenApiDocument, tell?: (fault: string) => void);
  /**
   * Looks at everything that the server at a port of this process answers from now on, whoever asks and whatever: also at the answers to
   * what is no HTTP, unless TLS ends here.
   *
   * @returns ends it
   */
  watch(port: number): () => void;
  /** @param payload undefined when it was not seen to its end */
  look(
    method: string,
    path: string,
    status: number,
    type: string,
    payload: string | undefined,
  ): void;
}
