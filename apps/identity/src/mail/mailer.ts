/** A message in plain text. */
export interface Message {
  readonly to: string;
  readonly subject: string;
  readonly text: string;
}

/** This recipient will never be reached this way. */
export class RecipientRefused extends Error {
  override readonly name = 'RecipientRefused';
}

/** Sends messages. */
export abstract class Mailer {
  /**
   * @param id the message's own: the same when it is sent once more
   * @throws {RecipientRefused} and, when another try may succeed, anything else
   */
  abstract send(message: Message, id: string): Promise<void>;

  close(): void {
    // Most have nothing to close.
  }
}
