/** Addresses of files that Vite copies. */
declare module '*?url' {
  const address: string;
  export default address;
}
