/** A message in plain text. */
export interface Message {
  readonly to: string;
  readonly subject: string;
  readonly text: string;
}

/** Sends messages. */
export abstract class Mailer {
  abstract send(message: Message): Promise<void>;
}
