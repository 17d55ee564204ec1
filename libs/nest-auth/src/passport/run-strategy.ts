import { answerToUnacceptedToken } from '@countersign/token-verifier';
import { Refusal } from '../refusal.js';

/** The part of a passport strategy that passport itself uses. */
interface RunnableStrategy {
  authenticate(request: object, options: object): void;
}

/**
 * Lets a strategy authenticate one request, as passport does: by an object that inherits from the strategy and has the
 * actions on it. Passport's own middleware does the same for a strategy that it finds by name among those of the whole process, and
 * equips the request for sessions, which costs more than everything else that happens to a request here.
 *
 * @returns the user
 * @throws {Refusal} 401 `token_not_accepted` when the strategy knows no user for the token; whatever it gives to `error`
 */
export function runStrategy(strategy: RunnableStrategy, request: object): Promise<object> {
  return new Promise((resolve, reject) => {
    const attempt = Object.create(strategy) as RunnableStrategy & Record<string, unknown>;
    const refuse = () => reject(new Refusal(answerToUnacceptedToken()));
    attempt['success'] = resolve;
    attempt['error'] = reject;
    attempt['fail'] = refuse;
    // For a strategy that sends people to another page, or leaves a request to others: neither makes a user.
    attempt['redirect'] = refuse;
    attempt['pass'] = refuse;
    attempt.authenticate(request, {});
  });
}
