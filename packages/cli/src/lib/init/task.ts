/** What a project trains: CLIP on images with captions, or a classifier of images in class folders. */
export const projectTasks = ['contrastive', 'classify'] as const;

export type ProjectTask = (typeof projectTasks)[number];
