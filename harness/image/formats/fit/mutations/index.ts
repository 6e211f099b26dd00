export const fitMutations = [];
