/** Cleaning up without losing the first cause. */

/**
 * Runs `cleanup` after `work`, whatever happened. The first error wins: a failing clean-up after a failed work is
 * handed to `alsoFailed` and never hides what came first.
 */
export async function always<T>(
  work: () => Promise<T>,
  cleanup: () => Promise<void>,
  alsoFailed: (error: unknown) => void,
): Promise<T> {
  let result: T;
  try {
    result = await work();
  } catch (first) {
    try {
      await cleanup();
    } catch (second) {
      alsoFailed(second);
    }
    throw first;
  }
  await cleanup();
  return result;
}
