import { noGrad } from '@tessera/autograd';
import { preprocess, ResNet, ViT } from '@tessera/models';
import { functional as F } from '@tessera/nn';
import { labelsOf, picturesOf, shareRight, type TaskOptions, type VisionTask } from './vision-task.ts';

const imageSize = 64;

/** A small ResNet, as a teacher. */
function teacherTask(options: Pick<TaskOptions, 'classes'>): VisionTask & { readonly model: ResNet } {
  const { classes } = options;
  const model = new ResNet({ block: 'basic', layers: [1, 1, 1, 1], width: 16, classes, imageSize });
  return {
    model,
    imageSize,
    inputs: (batch) => [picturesOf(batch, imageSize), labelsOf(batch, options)],
    loss: (images, labels) => F.crossEntropy(model.forward(preprocess(images)), labels),
    measures: (images, labels) => ({ 'class right': shareRight(model.forward(preprocess(images)), labels) }),
  };
}

/** DeiT: a Vision Transformer that learns from the labels and from what a convolutional network decides. */
export function distillTask(options: Pick<TaskOptions, 'classes'>): VisionTask {
  const { classes } = options;
  const teacher = teacherTask(options);
  const model = new ViT({ imageSize, patchSize: 8, width: 64, depth: 4, heads: 4, classes, distilled: true });
  return {
    model,
    imageSize,
    teacher,
    inputs: teacher.inputs,
    loss: (images, labels) => {
      const pictures = preprocess(images);
      const taught = noGrad(() => teacher.model.forward(pictures));
      return F.distillationLoss(model.distill(pictures), labels, taught);
    },
    measures: (images, labels) => {
      const pictures = preprocess(images);
      const { logits, distillation } = model.distill(pictures);
      return {
        'class right': shareRight(model.forward(pictures), labels),
        'by the class token': shareRight(logits, labels),
        'by the distillation token': shareRight(distillation, labels),
        'by the teacher': shareRight(teacher.model.forward(pictures), labels),
      };
    },
  };
}
