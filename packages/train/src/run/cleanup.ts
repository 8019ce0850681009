/** What is left to do when a run ends, however it ends. */

/** Releases what was opened, the last first, and goes on where one of them fails. */
export class Cleanup {
  readonly #tasks: (() => unknown)[] = [];

  add(task: () => unknown): void {
    this.#tasks.push(task);
  }

  /** @throws the first error, after all of them */
  async run(): Promise<void> {
    const errors: unknown[] = [];
    for (let task = this.#tasks.pop(); task !== undefined; task = this.#tasks.pop()) {
      try {
        await task();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw errors[0];
  }
}
