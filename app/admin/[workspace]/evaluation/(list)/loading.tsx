export { PageSkeleton as default } from '#app/_components/ui/page-skeleton.tsx';
