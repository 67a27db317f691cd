export default function Page() {
  return <h1>Lorehouse</h1>;
}
