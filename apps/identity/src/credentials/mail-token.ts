import { z } from 'zod';

/** A token from a message, in a request. */
export const mailToken = z.string().min(1).max(128);
