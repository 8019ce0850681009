/** Loggers of a program's own, for the runs of commands. */
import type { Logger } from '../loop/logger.ts';

/** Makes the logger of a run. @param folder the run's folder */
type LoggerMaker = (folder: string) => Logger;

const makers: LoggerMaker[] = [];

/** Adds a logger to every run of a command: `tessera train --import FILE` loads the file that calls this. */
export function registerLogger(make: LoggerMaker): void {
  makers.push(make);
}

/** The loggers of a run that were registered. */
export const registeredLoggers = (folder: string): Logger[] => makers.map((make) => make(folder));
